// Bundles the tests of the parts that need no editor, and runs them.
import { spawnSync } from 'node:child_process';
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
await build({
  absWorkingDir: root,
  entryPoints: ['test/layout.test.ts'],
  outfile: 'dist/test/layout.test.js',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  logLevel: 'warning',
  external: ['vscode', 'vscode-languageclient/node'],
});
process.exitCode =
  spawnSync(process.execPath, ['--test', `${root}dist/test/layout.test.js`], { stdio: 'inherit' }).status ?? 1;
