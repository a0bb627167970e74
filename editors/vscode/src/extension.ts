// The extension, put together: it wires the parts and decides nothing.

import * as vscode from 'vscode';
import { Doctor } from './doctor';
import { showMenu } from './menu';
import { Pins } from './pins';
import { Preview } from './preview';
import { didPartiallyAccept, whyNoSuggestion } from './protocol';
import { Rewriting } from './rewriting';
import { Server } from './server';
import { Settings, toggle, toggleLanguage } from './settings';
import { ShownGhostText } from './shown';
import { Status } from './status';
import { Tasks } from './tasks';
import { Trigger } from './trigger';
import { Work } from './work';

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Infill', { log: true });
  const status = new Status();
  const preview = new Preview();
  const work = new Work(preview, status);
  const pins = new Pins();
  const doctor = new Doctor();
  const trigger = new Trigger();
  const shown = new ShownGhostText((item, acceptedLength) => {
    void server?.client?.sendNotification(didPartiallyAccept, { item: { command: item.command }, acceptedLength });
  });
  const running = new Server({ log, settings: new Settings(context.extension), shown, status, work });
  server = running;
  const tasks = new Tasks(running, work);
  const rewriting = new Rewriting(tasks, pins);

  const commands: Record<string, () => unknown> = {
    'infill.trigger': () => trigger.ask(),
    'infill.fillHole': inEditor((editor) => tasks.fillHole(editor)),
    'infill.fillAllHoles': inEditor((editor) =>
      tasks.run('Fill all holes in this file', { do: 'fill-file' }, editor, whole(editor.document)),
    ),
    'infill.rewrite': inEditor((editor) => rewriting.byDial(editor)),
    'infill.rewriteByInstruction': inEditor((editor) => rewriting.byInstruction(editor)),
    'infill.pin': inEditor((editor) => {
      pins.toggle(editor);
    }),
    'infill.reroll': inEditor((editor) => rewriting.again(editor)),
    'infill.cancel': () => {
      work.cancel();
    },
    'infill.whyNoSuggestion': () => showWhy(running),
    'infill.doctor': () => doctor.examine(),
    'infill.toggle': toggle,
    'infill.toggleLanguage': inEditor((editor) => toggleLanguage(editor.document)),
    'infill.restart': () => running.restart(),
    'infill.showLog': () => {
      log.show(true);
    },
    'infill.menu': () => showMenu(status),
    'infill.howToInstall': () =>
      vscode.commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`, false),
    'infill.choosePath': () => vscode.commands.executeCommand('workbench.action.openSettings', 'infill-lsp.path'),
  };
  context.subscriptions.push(
    log,
    status,
    preview,
    work,
    pins,
    doctor,
    trigger,
    shown,
    running,
    ...Object.entries(commands).map(([name, command]) => vscode.commands.registerCommand(name, command)),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('infill-lsp.path')) void running.restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void running.restart()),
  );
  void running.start();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

function inEditor<T>(command: (editor: vscode.TextEditor) => T): () => T | undefined {
  return () => {
    const editor = vscode.window.activeTextEditor;
    return editor && command(editor);
  };
}

function whole(document: vscode.TextDocument): vscode.Range {
  return new vscode.Range(new vscode.Position(0, 0), document.lineAt(document.lineCount - 1).range.end);
}

/** The reasons in a list, newest first; there is nothing to do with a picked one. */
async function showWhy(running: Server): Promise<void> {
  const { silences } = (await running.client?.sendRequest(whyNoSuggestion)) ?? { silences: [] };
  const entries = silences.map(({ reason, uri, at, num_times }) => ({
    label: reason,
    description: vscode.workspace.asRelativePath(vscode.Uri.parse(uri)),
    detail: `${new Date(at).toLocaleTimeString()}${num_times > 1 ? `, ${String(num_times)} times in a row` : ''}`,
  }));
  const placeHolder = entries.length > 0 ? 'Why nothing was suggested, newest first' : 'Nothing was kept back.';
  await vscode.window.showQuickPick(entries, { title: 'Infill', placeHolder });
}
