// Makes infill-lsp.vsix. vsce bundles first, by the script vscode:prepublish.
import { createVSIX } from '@vscode/vsce';
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// The package has to hold the licence, which stands at the top of the repository.
await copyFile(`${root}../../LICENSE`, `${root}LICENSE`);
await createVSIX({
  cwd: root,
  packagePath: `${root}infill-lsp.vsix`,
  dependencies: false,
  allowMissingRepository: true,
});
