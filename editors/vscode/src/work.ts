// What the user asked for explicitly, one thing at a time: carried out with a live preview, and cancelled with Esc.

import * as vscode from 'vscode';
import type { Preview } from './preview';
import type { DraftToken } from './protocol';
import { showsPreview } from './settings';
import type { Status } from './status';

interface Running {
  readonly uri: string;
  readonly version: number;
  readonly cancellation: vscode.CancellationTokenSource;
}

export class Work implements vscode.Disposable {
  private running: Running | undefined;
  private readonly listeners: vscode.Disposable[];

  constructor(
    private readonly preview: Preview,
    private readonly status: Status,
  ) {
    this.listeners = [
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        // What was asked for is about a text that is no more; the server would say the same a little later.
        if (document.uri.toString() === this.running?.uri && contentChanges.length > 0) this.cancel();
      }),
    ];
  }

  /** Do something with a document. Something else that is being done ends. */
  async during<T>(
    document: vscode.TextDocument,
    token: vscode.CancellationToken | undefined,
    task: (token: vscode.CancellationToken) => PromiseLike<T>,
  ): Promise<T> {
    this.cancel();
    const cancellation = new vscode.CancellationTokenSource();
    const running = { uri: document.uri.toString(), version: document.version, cancellation };
    const outer = token?.onCancellationRequested(() => {
      cancellation.cancel();
    });
    this.running = running;
    await setFilling(true);
    try {
      return await task(cancellation.token);
    } finally {
      outer?.dispose();
      if (this.running === running) this.end();
      cancellation.dispose();
    }
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** Show a draft, if it is of what is being done. */
  drafted(uri: string, version: number, range: vscode.Range, tokens: readonly DraftToken[]): void {
    if (this.running?.uri !== uri || this.running.version !== version || !showsPreview()) return;
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri);
    if (editor) this.preview.show(editor, range, tokens);
  }

  cancel(): void {
    if (!this.running) return;
    this.running.cancellation.cancel();
    this.status.cancelled();
    this.end();
  }

  dispose(): void {
    this.cancel();
    for (const listener of this.listeners) listener.dispose();
  }

  private end(): void {
    this.running = undefined;
    this.preview.clear();
    void setFilling(false);
  }
}

function setFilling(isFilling: boolean): Thenable<unknown> {
  return vscode.commands.executeCommand('setContext', 'infill.isFilling', isFilling);
}
