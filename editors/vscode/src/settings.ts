// The settings that the user set. What they did not set is left to the server, which has files of settings of its own.

import * as vscode from 'vscode';

export const SECTION = 'infill-lsp';

interface Manifest {
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
  readonly contributes: { readonly configuration: { readonly properties: Readonly<Record<string, unknown>> } };
}

const OWN = new Set(['path', 'preview', 'trace.server']);

export class Settings {
  private readonly keys: readonly string[];
  private readonly restricted: ReadonlySet<string>;

  constructor(extension: vscode.Extension<unknown>) {
    const manifest = extension.packageJSON as Manifest;
    const keys = Object.keys(manifest.contributes.configuration.properties).map(withoutSection);
    this.keys = keys.filter((key) => !OWN.has(key));
    this.restricted = new Set(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.map(withoutSection));
  }

  /** What the user set, for the server. */
  set(scope?: vscode.Uri): Record<string, unknown> {
    const configuration = vscode.workspace.getConfiguration(SECTION, scope ?? null);
    const found: Record<string, unknown> = {};
    for (const key of this.keys) {
      const levels = configuration.inspect(key);
      const mayFolder = vscode.workspace.isTrusted || !this.restricted.has(key);
      const own = mayFolder ? (levels?.workspaceFolderValue ?? levels?.workspaceValue) : undefined;
      const value = own ?? levels?.globalValue;
      if (value !== undefined) found[key] = value;
    }
    return found;
  }
}

export function serverPath(): string {
  return vscode.workspace.getConfiguration(SECTION).get('path', '').trim();
}

export function showsPreview(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get('preview', true);
}

export function isEnabled(document?: vscode.TextDocument): boolean {
  const configuration = vscode.workspace.getConfiguration(SECTION, document?.uri ?? null);
  const own = document && languagesOf(configuration)[document.languageId]?.['enabled'];
  return typeof own === 'boolean' ? own : configuration.get('enabled', true);
}

export async function toggle(): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION);
  await configuration.update('enabled', !configuration.get('enabled', true), level(configuration, 'enabled'));
  await hideGhostText();
}

export async function toggleLanguage(document: vscode.TextDocument): Promise<void> {
  const configuration = vscode.workspace.getConfiguration(SECTION, document.uri);
  const languages = languagesOf(configuration);
  const own = { ...languages[document.languageId], enabled: !isEnabled(document) };
  const changed = { ...languages, [document.languageId]: own };
  await configuration.update('languages', changed, level(configuration, 'languages'));
  await hideGhostText();
}

/** What is on the screen was suggested before. */
async function hideGhostText(): Promise<void> {
  await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
}

type Languages = Readonly<Partial<Record<string, Readonly<Record<string, unknown>>>>>;

function languagesOf(configuration: vscode.WorkspaceConfiguration): Languages {
  return configuration.get<Languages>('languages', {});
}

/** Where a setting is changed: for this workspace if it is set there, else for the user. */
function level(configuration: vscode.WorkspaceConfiguration, key: string): vscode.ConfigurationTarget {
  const isOwn = configuration.inspect(key)?.workspaceValue !== undefined;
  return isOwn ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
}

function withoutSection(key: string): string {
  return key.slice(SECTION.length + 1);
}
