// Rewriting a selection: by the dial, by an instruction, and again with the pinned lines kept.

import * as vscode from 'vscode';
import type { Pins } from './pins';
import type { Tasks, Wanted } from './tasks';

interface Level extends vscode.QuickPickItem {
  readonly noise: number | undefined;
}

const LEVELS: readonly Level[] = [
  { label: 'Tidy', description: '0.3', detail: 'Keep most of it.', noise: 0.3 },
  { label: 'Rework', description: '0.6', detail: 'Keep what it does, and some of how.', noise: 0.6 },
  { label: 'Redo', description: '0.9', detail: 'Write it anew.', noise: 0.9 },
  { label: 'A number…', detail: 'From 0, nothing changes, to 1, nothing is kept.', noise: undefined },
];

const REWORK = 0.6;

interface Last {
  readonly uri: string;
  readonly version: number;
  readonly range: vscode.Range;
  readonly wanted: Wanted;
}

export class Rewriting {
  private last: Last | undefined;

  constructor(
    private readonly tasks: Tasks,
    private readonly pins: Pins,
  ) {}

  async byDial(editor: vscode.TextEditor): Promise<void> {
    const picked = await vscode.window.showQuickPick(LEVELS, {
      title: 'Rewrite Selection',
      placeHolder: 'How much may change?',
    });
    const noise = picked && (picked.noise ?? (await askNoise()));
    if (noise !== undefined) await this.run(editor, editor.selection, { do: 'rewrite', noise });
  }

  async byInstruction(editor: vscode.TextEditor): Promise<void> {
    const instruction = await vscode.window.showInputBox({
      title: 'Rewrite Selection by Instruction',
      placeHolder: 'Use a dict comprehension',
    });
    if (instruction) await this.run(editor, editor.selection, { do: 'rewrite', instruction });
  }

  /** Rewrite the selection once more, or without one what was rewritten last, as it was then. */
  async again(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    const last =
      this.last?.uri === document.uri.toString() && this.last.version === document.version ? this.last : undefined;
    const range = selection.isEmpty && last ? last.range : selection;
    await this.run(editor, range, last?.wanted ?? { do: 'rewrite', noise: REWORK });
  }

  private async run(editor: vscode.TextEditor, range: vscode.Range, wanted: Wanted): Promise<void> {
    const { document } = editor;
    const pinned = this.pins.within(document, range);
    const became = await this.tasks.run('Rewrite', { ...wanted, keep: pinned.map(plain) }, editor, range);
    if (!became) return;
    this.last = { uri: document.uri.toString(), version: document.version, range: became, wanted };
  }
}

async function askNoise(): Promise<number | undefined> {
  const given = await vscode.window.showInputBox({
    title: 'Rewrite Selection',
    prompt: 'How much may change, from 0 to 1',
    validateInput: (text) =>
      text.trim() !== '' && Number(text) >= 0 && Number(text) <= 1 ? undefined : 'a number from 0 to 1',
  });
  return given === undefined ? undefined : Number(given);
}

function plain({ start, end }: vscode.Range): { start: Place; end: Place } {
  return { start: { line: start.line, character: start.character }, end: { line: end.line, character: end.character } };
}

interface Place {
  readonly line: number;
  readonly character: number;
}
