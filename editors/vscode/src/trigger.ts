// Asks for ghost text here and now.

import * as vscode from 'vscode';

const NOTHING: vscode.InlineCompletionItemProvider = { provideInlineCompletionItems: () => [] };

/**
 * VS Code keeps an answer, an empty one too, as long as text, caret and providers are the same: who asks again because
 * the engine is back would get nothing. So a provider that suggests nothing comes, and goes with the next asking.
 */
export class Trigger implements vscode.Disposable {
  private other: vscode.Disposable | undefined;

  async ask(): Promise<void> {
    if (this.other) this.dispose();
    else this.other = vscode.languages.registerInlineCompletionItemProvider([{ pattern: '**' }], NOTHING);
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
  }

  dispose(): void {
    this.other?.dispose();
    this.other = undefined;
  }
}
