// Where the pieces of a draft stand.

import assert from 'node:assert/strict';
import test from 'node:test';
import { layOut, widthOf } from '../src/layout';
import type { DraftToken } from '../src/protocol';

function tokens(...pieces: string[]): DraftToken[] {
  // A piece that begins with ~ is noise.
  return pieces.map((piece) =>
    piece.startsWith('~') ? { text: piece.slice(1), state: 'noise' } : { text: piece, state: 'accepted' },
  );
}

void test('neighbours of one state are one run, and the first begins where the hole does', () => {
  assert.deepEqual(layOut(tokens('width', ' *', '~ ___'), 11, '', 4), [
    { line: 0, column: 11, text: 'width *', state: 'accepted' },
    { line: 0, column: 18, text: ' ___', state: 'noise' },
  ]);
});

void test('a line break goes on at the first column, whatever its kind', () => {
  assert.deepEqual(layOut(tokens('a\r\n    ', 'b'), 4, '', 4), [
    { line: 0, column: 4, text: 'a', state: 'accepted' },
    { line: 1, column: 0, text: '    b', state: 'accepted' },
  ]);
});

void test('what follows the hole stands behind the last line', () => {
  assert.deepEqual(layOut(tokens('1,\n2'), 2, ')', 4), [
    { line: 0, column: 2, text: '1,', state: 'accepted' },
    { line: 1, column: 0, text: '2', state: 'accepted' },
    { line: 1, column: 1, text: ')', state: 'context' },
  ]);
});

void test('tabs reach the next stop and pictures take two cells', () => {
  assert.equal(widthOf('\t', 1, 4), 3);
  assert.equal(widthOf('a\tb', 0, 8), 9);
  assert.equal(widthOf("'🙂'", 0, 4), 4);
  assert.deepEqual(layOut(tokens('\tx'), 2, '', 4), [{ line: 0, column: 2, text: '  x', state: 'accepted' }]);
});

void test('blank runs are left out', () => {
  assert.deepEqual(layOut(tokens('  \n', '~ '), 0, '', 4), []);
});
