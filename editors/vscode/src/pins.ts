// Pinned lines: they stay as they are when the code around them is rewritten, and move with the text.

import * as vscode from 'vscode';

export class Pins implements vscode.Disposable {
  private readonly pinned = new Map<string, ReadonlyMap<number, string>>();
  private readonly drawn = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('editor.rangeHighlightBackground'),
    overviewRulerColor: new vscode.ThemeColor('editorGhostText.foreground'),
    after: { contentText: '  pinned', color: new vscode.ThemeColor('editorGhostText.foreground') },
  });
  private readonly listeners: vscode.Disposable[];

  constructor() {
    this.listeners = [
      vscode.workspace.onDidChangeTextDocument((event) => {
        this.follow(event);
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        this.pinned.delete(document.uri.toString());
      }),
      vscode.window.onDidChangeVisibleTextEditors(() => {
        this.draw();
      }),
    ];
  }

  /** Pin the lines of the selections, or unpin them if all of them are pinned. */
  toggle({ document, selections }: vscode.TextEditor): void {
    const key = document.uri.toString();
    const lines = [...new Set(selections.flatMap(linesOf))];
    const changed = new Map(this.pinned.get(key));
    const areAllPinned = lines.every((line) => changed.has(line));
    for (const line of lines) {
      if (areAllPinned) changed.delete(line);
      else changed.set(line, document.lineAt(line).text);
    }
    this.pinned.set(key, changed);
    this.draw();
  }

  /** The pinned lines that a range touches. */
  within(document: vscode.TextDocument, range: vscode.Range): vscode.Range[] {
    const lines = [...(this.pinned.get(document.uri.toString())?.keys() ?? [])];
    return lines
      .filter((line) => line >= range.start.line && line <= range.end.line)
      .map((line) => document.lineAt(line).range);
  }

  dispose(): void {
    this.drawn.dispose();
    for (const listener of this.listeners) listener.dispose();
  }

  /** Move the pins with an edit. Within what was replaced, a pin stays on the next line that reads the same. */
  private follow({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const key = document.uri.toString();
    let pins = this.pinned.get(key);
    if (!pins?.size) return;
    for (const { range, text } of contentChanges) {
      const last = range.start.line + text.split(/\r\n|\r|\n/).length - 1;
      const moved = new Map<number, string>();
      let next = range.start.line;
      for (const [line, kept] of [...pins].sort(([one], [other]) => one - other)) {
        if (line < range.start.line) moved.set(line, kept);
        else if (line > range.end.line) moved.set(line + last - range.end.line, kept);
        else {
          const found = lineThatReads(document, kept, next, last);
          if (found === undefined) continue;
          moved.set(found, kept);
          next = found + 1;
        }
      }
      pins = moved;
    }
    this.pinned.set(key, pins);
    this.draw();
  }

  private draw(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      const lines = [...(this.pinned.get(editor.document.uri.toString())?.keys() ?? [])];
      const existing = lines.filter((line) => line < editor.document.lineCount);
      editor.setDecorations(
        this.drawn,
        existing.map((line) => editor.document.lineAt(line).range),
      );
    }
  }
}

function lineThatReads(document: vscode.TextDocument, text: string, from: number, to: number): number | undefined {
  for (let line = from; line <= Math.min(to, document.lineCount - 1); line += 1) {
    if (document.lineAt(line).text === text) return line;
  }
  return undefined;
}

/** A selection that ends where a line begins does not touch that line. */
function linesOf({ start, end, isEmpty }: vscode.Selection): number[] {
  const last = !isEmpty && end.character === 0 ? end.line - 1 : end.line;
  return Array.from({ length: last - start.line + 1 }, (_, index) => start.line + index);
}
