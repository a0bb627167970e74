// Where the pieces of a draft stand: lines and columns as they are seen on the screen. It knows no editor.

import type { DraftToken } from './protocol';

export type RunState = DraftToken['state'] | 'context';

export interface Run {
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly state: RunState;
}

/** The width of a text that begins at a column, with its tabs taken for what they show. */
export function widthOf(text: string, column: number, tabSize: number): number {
  let at = column;
  for (const character of text) at += character === '\t' ? tabSize - (at % tabSize) : cells(character);
  return at - column;
}

/**
 * Lay a draft out, line 0 beginning at a column. `after` is what follows the hole on its last line.
 * Neighbours of one state become one run; what is blank is left out.
 */
export function layOut(tokens: readonly DraftToken[], column: number, after: string, tabSize: number): Run[] {
  const runs: Run[] = [];
  let line = 0;
  let at = column;
  for (const { text, state } of [...tokens, { text: after, state: 'context' as const }]) {
    for (const [index, piece] of text.split(/\r\n|\r|\n/).entries()) {
      if (index > 0) {
        line += 1;
        at = 0;
      }
      const shown = expanded(piece, at, tabSize);
      const last = runs.at(-1);
      if (last?.line === line && last.state === state) {
        runs[runs.length - 1] = { ...last, text: last.text + shown };
      } else if (shown !== '') {
        runs.push({ line, column: at, text: shown, state });
      }
      at += widthOf(piece, at, tabSize);
    }
  }
  return runs.filter((run) => run.text.trim() !== '');
}

function expanded(text: string, column: number, tabSize: number): string {
  let shown = '';
  let at = column;
  for (const character of text) {
    const width = widthOf(character, at, tabSize);
    shown += character === '\t' ? ' '.repeat(width) : character;
    at += width;
  }
  return shown;
}

/** Ideographs and pictures take two cells of a monospace font. */
function cells(character: string): number {
  return /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
    character,
  )
    ? 2
    : 1;
}
