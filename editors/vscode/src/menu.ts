// The menu of the status item.

import * as vscode from 'vscode';
import { isEnabled } from './settings';
import type { Status } from './status';

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
  readonly argument?: string;
}

export async function showMenu(status: Status): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const language = document?.languageId;
  const entries: Entry[] = [
    { label: `$(circle-slash) Switch suggestions ${isEnabled() ? 'off' : 'on'}`, command: 'infill.toggle' },
    ...(document
      ? [
          {
            label: `$(circle-slash) Switch suggestions ${isEnabled(document) ? 'off' : 'on'} for ${String(language)}`,
            command: 'infill.toggleLanguage',
          },
        ]
      : []),
    { label: '$(question) Why no suggestion?', command: 'infill.whyNoSuggestion' },
    { label: '$(pulse) Doctor', command: 'infill.doctor' },
    { label: '$(debug-restart) Restart server', command: 'infill.restart' },
    { label: '$(output) Show log', command: 'infill.showLog' },
    { label: '$(gear) Settings', command: 'workbench.action.openSettings', argument: '@ext:infill-lsp.infill-lsp' },
  ];
  const picked = await vscode.window.showQuickPick(entries, { title: 'Infill', placeHolder: status.sentence });
  if (picked?.command) await vscode.commands.executeCommand(picked.command, picked.argument);
}
