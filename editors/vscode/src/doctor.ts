// Runs `infill-lsp doctor` and shows what it says, as a document that is nowhere saved.

import { spawn } from 'node:child_process';
import * as vscode from 'vscode';
import { locateServer } from './locate';

const SCHEME = 'infill-doctor';
const PLACE = vscode.Uri.from({ scheme: SCHEME, path: 'Infill Doctor' });

export class Doctor implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  // VS Code looks for onDidChange when it is told of the provider.
  private readonly provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  private said = '';

  provideTextDocumentContent(): string {
    return this.said;
  }

  async examine(): Promise<void> {
    this.said = '';
    const found = await locateServer();
    if (found.problem !== undefined) {
      this.says(`${found.problem}.\n\n`);
      this.says('Install it with pip, or name it in the setting infill-lsp.path; then "Infill: Restart Server".\n');
      await this.show();
      return;
    }
    this.says(`${found.command} doctor\n\n`);
    await this.show();
    const title = 'Infill: the doctor looks at this machine';
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () =>
      this.run(found.command),
    );
  }

  dispose(): void {
    this.provider.dispose();
    this.changed.dispose();
  }

  private async show(): Promise<void> {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(PLACE), { preview: true });
  }

  private says(text: string): void {
    this.said += text;
    this.changed.fire(PLACE);
  }

  private run(command: string): Promise<void> {
    return new Promise((resolve) => {
      const cwd = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
      const env = { ...process.env, NO_COLOR: '1' };
      const child = spawn(command, ['doctor'], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          this.says(text);
        });
      }
      child.on('error', (error) => {
        this.says(`it cannot be run: ${error.message}\n`);
        resolve();
      });
      child.on('close', (status) => {
        this.says(status === 0 ? '\nEverything is in place.\n' : `\nThe doctor ended with status ${String(status)}.\n`);
        resolve();
      });
    });
  }
}
