// Draws a draft over the hole that it is for, while the text itself stays as it is: settled pieces firm, others dim.

import * as vscode from 'vscode';
import { layOut, type Run, type RunState, widthOf } from './layout';
import type { DraftToken } from './protocol';

const STYLES: Record<RunState, vscode.ThemableDecorationAttachmentRenderOptions> = {
  accepted: { color: new vscode.ThemeColor('editor.foreground'), fontWeight: '600' },
  noise: { color: new vscode.ThemeColor('editorGhostText.foreground'), fontStyle: 'italic' },
  context: { color: new vscode.ThemeColor('editor.foreground') },
};

export class Preview implements vscode.Disposable {
  private readonly hidden = vscode.window.createTextEditorDecorationType({ opacity: '0' });
  private readonly drawn = vscode.window.createTextEditorDecorationType({});
  private editor: vscode.TextEditor | undefined;

  /** Draw a draft in place of a range. */
  show(editor: vscode.TextEditor, range: vscode.Range, tokens: readonly DraftToken[]): void {
    if (this.editor !== editor) this.clear();
    this.editor = editor;
    const { document } = editor;
    const tabSize = Number(editor.options.tabSize);
    const before = document.lineAt(range.start).text.slice(0, range.start.character);
    const after = document.lineAt(range.end).text.slice(range.end.character);
    const runs = layOut(tokens, widthOf(before, 0, tabSize), after, tabSize);
    const numLines = Math.max(range.end.line - range.start.line, runs.at(-1)?.line ?? 0) + 1;
    editor.setDecorations(this.hidden, covered(document, range.start, numLines));
    editor.setDecorations(
      this.drawn,
      runs.map((run) => placed(document, range.start.line, run)),
    );
  }

  clear(): void {
    this.editor?.setDecorations(this.hidden, []);
    this.editor?.setDecorations(this.drawn, []);
    this.editor = undefined;
  }

  dispose(): void {
    this.hidden.dispose();
    this.drawn.dispose();
  }
}

/** What lies below the draft: the rest of its first line, and the lines that its further lines cover. */
function covered(document: vscode.TextDocument, start: vscode.Position, numLines: number): vscode.Range[] {
  const last = Math.min(start.line + numLines, document.lineCount) - 1;
  return [new vscode.Range(start, document.lineAt(last).range.end)];
}

/** A decoration can only add text within a line; out of the flow, at a column of its own, the pieces do not push. */
function placed(document: vscode.TextDocument, firstLine: number, run: Run): vscode.DecorationOptions {
  const line = Math.min(firstLine + run.line, document.lineCount - 1);
  const numBelow = firstLine + run.line - line;
  const place = `position: absolute; left: ${String(run.column)}ch; top: ${String(numBelow)}lh; white-space: pre`;
  return {
    range: new vscode.Range(line, 0, line, 0),
    renderOptions: {
      before: { ...STYLES[run.state], contentText: run.text, textDecoration: `none; ${place}` },
    },
  };
}
