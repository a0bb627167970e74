// Tells the server when a part of the ghost text is taken. VS Code runs an item's command only when all of it is.

import * as vscode from 'vscode';

interface Shown {
  readonly item: vscode.InlineCompletionItem;
  readonly text: string;
  readonly uri: string;
  readonly offset: number;
  readonly rest: string;
}

export type Taken = (item: vscode.InlineCompletionItem, acceptedLength: number) => void;

export class ShownGhostText implements vscode.Disposable {
  private shown: Shown | undefined;
  private readonly listener: vscode.Disposable;

  constructor(private readonly taken: Taken) {
    this.listener = vscode.workspace.onDidChangeTextDocument((event) => {
      this.changed(event);
    });
  }

  /** Remember what is shown at a place: the first item, until the user asks for another. */
  remember(
    document: vscode.TextDocument,
    position: vscode.Position,
    items: readonly vscode.InlineCompletionItem[],
  ): void {
    const [item] = items;
    this.shown = undefined;
    if (!item || typeof item.insertText !== 'string') return;
    const start = item.range?.start ?? position;
    const before = document.getText(new vscode.Range(start, position));
    if (!item.insertText.startsWith(before)) return;
    const rest = item.insertText.slice(before.length);
    this.shown = {
      item,
      text: item.insertText,
      uri: document.uri.toString(),
      offset: document.offsetAt(position),
      rest,
    };
  }

  dispose(): void {
    this.listener.dispose();
  }

  /** Several characters of the ghost text that come in one change, but not all of them, were taken with a command. */
  private changed(event: vscode.TextDocumentChangeEvent): void {
    const shown = this.shown;
    if (shown?.uri !== event.document.uri.toString() || event.contentChanges.length === 0) return;
    this.shown = undefined;
    const [change] = event.contentChanges;
    const text = change?.text.replaceAll('\r\n', '\n') ?? '';
    const isPart = text.length > 1 && shown.rest.startsWith(text) && shown.rest.length > text.length;
    if (!isPart || event.contentChanges.length > 1 || change?.rangeOffset !== shown.offset) return;
    this.taken(shown.item, shown.text.length - shown.rest.length + text.length);
  }
}
