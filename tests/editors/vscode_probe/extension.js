// Runs what a test sends inside the extension host, where all of VS Code's stable API is at hand.
// A line of JSON on a socket is `{"code": ..., "given": [...]}`; the answer is `{"value": ...}` or `{"error": ...}`.

const { createServer } = require('node:net');
const path = require('node:path');
const vscode = require('vscode');

const AsyncFunction = (async () => {}).constructor;

async function answered(line) {
  try {
    const { code, given } = JSON.parse(line);
    const value = await new AsyncFunction('vscode', 'given', code)(vscode, given);
    return { value: value === undefined ? null : value };
  } catch (error) {
    return { error: String(error.stack || error) };
  }
}

exports.activate = (context) => {
  const [folder] = vscode.workspace.workspaceFolders;
  const server = createServer((socket) => {
    let received = '';
    socket.setEncoding('utf8').on('data', async (data) => {
      received += data;
      if (received.endsWith('\n')) socket.end(`${JSON.stringify(await answered(received))}\n`);
    });
  });
  server.listen(path.join(process.env.INFILL_PROBES, `${path.basename(folder.uri.fsPath)}.probe`));
  context.subscriptions.push({ dispose: () => server.close() });
};
