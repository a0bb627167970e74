// Finds the server: as the settings say, in the active Python environment, or on the PATH.

import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { serverPath } from './settings';

const NAMES = process.platform === 'win32' ? ['infill-lsp.exe'] : ['infill-lsp'];

/** What the Python extension exports, as far as it is used here. */
interface Python {
  readonly environments?: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { readonly path: string };
    resolveEnvironment(environment: {
      readonly path: string;
    }): Promise<{ readonly executable: { readonly uri?: vscode.Uri } } | undefined>;
  };
}

export interface Found {
  readonly command: string;
  readonly problem?: undefined;
}

export interface NotFound {
  readonly problem: string;
}

export async function locateServer(): Promise<Found | NotFound> {
  const chosen = serverPath();
  if (chosen !== '') {
    const command = chosen.replace(/^~(?=$|[/\\])/, homedir());
    const found = path.isAbsolute(command) ? await executable(command) : await onPath([command]);
    return found ? { command: found } : { problem: `there is no program ${chosen} (setting infill-lsp.path)` };
  }
  const found = (await inPython()) ?? (await onPath(NAMES));
  if (found) return { command: found };
  return { problem: 'the program infill-lsp is neither in the active Python environment nor on the PATH' };
}

async function inPython(): Promise<string | undefined> {
  const extension = vscode.extensions.getExtension<Python>('ms-python.python');
  if (!extension || !vscode.workspace.isTrusted) return undefined;
  try {
    const { environments } = await extension.activate();
    const active = environments?.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri);
    const python = active && (await environments?.resolveEnvironment(active))?.executable.uri?.fsPath;
    return python && (await firstExecutable([path.dirname(python)], NAMES));
  } catch {
    return undefined; // A fault of the other extension must not keep us from looking elsewhere.
  }
}

function onPath(names: readonly string[]): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((each) => path.isAbsolute(each));
  return firstExecutable(folders, names);
}

async function firstExecutable(folders: readonly string[], names: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    for (const name of names) {
      const found = await executable(path.join(folder, name));
      if (found) return found;
    }
  }
  return undefined;
}

async function executable(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK);
    return file;
  } catch {
    return undefined;
  }
}
