// The explicit commands that change the text: fill a hole, fill all, rewrite. Each is one code action of the server.

import * as vscode from 'vscode';
import { CodeActionResolveRequest, type LanguageClient, type TextEdit } from 'vscode-languageclient/node';
import type { Task } from './protocol';
import type { Server } from './server';
import type { Work } from './work';

export type Wanted = Omit<Task, 'uri' | 'version' | 'range'>;

export class Tasks {
  constructor(
    private readonly server: Server,
    private readonly work: Work,
  ) {}

  /** Fill the hole at the caret, or the selection; a caret that stayed there goes to the end of the fill. */
  async fillHole(editor: vscode.TextEditor): Promise<void> {
    const filled = await this.run('Fill hole', { do: 'fill' }, editor, editor.selection);
    if (filled?.contains(editor.selection)) editor.selection = new vscode.Selection(filled.end, filled.end);
  }

  /** Let the server do a task with a range, and apply its edit as one step; answer what the range became, if it did. */
  async run(
    title: string,
    wanted: Wanted,
    editor: vscode.TextEditor,
    range: vscode.Range,
  ): Promise<vscode.Range | null> {
    const { document } = editor;
    const { client } = this.server;
    if (!client) {
      vscode.window.setStatusBarMessage('Infill: the server does not run', 6000);
      return null;
    }
    try {
      return await this.work.during(document, undefined, async (token) => {
        const edits = await resolved(client, title, wanted, document, range, token);
        return token.isCancellationRequested ? null : applied(client, document, edits);
      });
    } catch (error) {
      if (!(error instanceof vscode.CancellationError)) throw error;
      return null;
    }
  }
}

async function resolved(
  client: LanguageClient,
  title: string,
  wanted: Wanted,
  document: vscode.TextDocument,
  range: vscode.Range,
  token: vscode.CancellationToken,
): Promise<readonly TextEdit[]> {
  const { version } = document;
  const uri = client.code2ProtocolConverter.asUri(document.uri);
  const data: Task = { ...wanted, uri, version, range: client.code2ProtocolConverter.asRange(range) };
  const action = await client
    .sendRequest(CodeActionResolveRequest.type, { title, data }, token)
    .catch((error: unknown) => {
      if (token.isCancellationRequested) return undefined;
      throw error;
    });
  if (document.version !== version) return [];
  // The user asked for all of this and saw it come: what the server would have confirmed edit by edit is one step here.
  const changes = action?.edit?.documentChanges ?? [];
  return changes.flatMap((change) => ('edits' in change ? change.edits.filter((edit) => 'newText' in edit) : []));
}

async function applied(
  client: LanguageClient,
  document: vscode.TextDocument,
  edits: readonly TextEdit[],
): Promise<vscode.Range | null> {
  const [first] = edits;
  if (!first) return null;
  const change = new vscode.WorkspaceEdit();
  for (const { range, newText } of edits) {
    change.replace(document.uri, client.protocol2CodeConverter.asRange(range), newText);
  }
  const start = client.protocol2CodeConverter.asRange(first.range).start;
  if (!(await vscode.workspace.applyEdit(change))) return null;
  const lines = first.newText.split(/\r\n|\r|\n/);
  const end =
    lines.length === 1
      ? start.translate(0, first.newText.length)
      : new vscode.Position(start.line + lines.length - 1, lines.at(-1)?.length ?? 0);
  return new vscode.Range(start, end);
}
