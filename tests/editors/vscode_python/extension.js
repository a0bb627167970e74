// Stands in for the Python extension: the active environment is the folder .venv of the workspace, if there is one.
// It exports what the real one documents for other extensions.

const { existsSync } = require('node:fs');
const vscode = require('vscode');

exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: (resource) => ({
      id: 'active',
      path: resource ? vscode.Uri.joinPath(resource, '.venv').fsPath : 'python3',
    }),
    resolveEnvironment: async ({ path }) =>
      existsSync(path)
        ? { executable: { uri: vscode.Uri.joinPath(vscode.Uri.file(path), 'bin/python') } }
        : undefined,
  },
});
