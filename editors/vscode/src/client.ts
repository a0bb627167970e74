// The language client: what VS Code and the server tell each other, and what is heard on the way.

import * as vscode from 'vscode';
import {
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  type ErrorHandler,
  type ErrorHandlerResult,
  LanguageClient,
  type LanguageClientOptions,
  type Middleware,
  RevealOutputChannelOn,
} from 'vscode-languageclient/node';
import * as protocol from './protocol';
import { SECTION, type Settings } from './settings';
import type { ShownGhostText } from './shown';
import type { Status } from './status';
import type { Work } from './work';

const LOADING = 'Loading model';
const MANY_ENDS = 5;
const SHORT_TIME_MS = 3 * 60_000;

export interface Parts {
  readonly log: vscode.LogOutputChannel;
  readonly settings: Settings;
  readonly shown: ShownGhostText;
  readonly status: Status;
  readonly work: Work;
}

export function makeClient(command: string, parts: Parts): LanguageClient {
  const options: LanguageClientOptions = {
    // The server says which languages it knows, and why it leaves a file alone.
    documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
    initializationOptions: { drafts: true, settings: parts.settings.set() },
    outputChannel: parts.log,
    traceOutputChannel: parts.log,
    revealOutputChannelOn: RevealOutputChannelOn.Never,
    errorHandler: new Ends(parts.status),
    middleware: middleware(parts, () => client),
  };
  const client = new LanguageClient(SECTION, 'Infill', { command, args: [] }, options);
  client.onNotification(protocol.status, (news) => {
    parts.status.tell(news);
  });
  client.onNotification(protocol.draft, ({ uri, version, range, tokens }) => {
    const at = client.protocol2CodeConverter.asUri(uri).toString();
    parts.work.drafted(at, version, client.protocol2CodeConverter.asRange(range), tokens);
  });
  return client;
}

function middleware({ settings, shown, status, work }: Parts, client: () => LanguageClient): Middleware {
  const loading = new Set<string | number>();
  return {
    provideInlineCompletionItems: async (document, position, context, token, next) => {
      if (work.isRunning) return [];
      const found = (await next(document, position, context, token)) ?? [];
      const items = Array.isArray(found) ? found : found.items;
      if (token.isCancellationRequested) return items;
      shown.remember(document, position, items);
      if (items.length === 0 && context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke) {
        await sayWhy(client());
      }
      return items;
    },
    // VS Code resolves an action when the user picks it: that is the moment in which the hole is filled.
    resolveCodeAction: async (item, token, next) => {
      const document = vscode.window.activeTextEditor?.document;
      if (!document) return next(item, token);
      return work.during(document, token, (cancelled) => Promise.resolve(next(item, cancelled)));
    },
    handleWorkDoneProgress: (token, params, next) => {
      if (params.kind === 'begin') {
        // A server that was started again counts from 1 again.
        if (params.title === LOADING) loading.add(token);
        else loading.delete(token);
      }
      if (!loading.has(token)) {
        next(token, params);
      } else if (params.kind === 'end') {
        loading.delete(token);
        status.loads(undefined);
        next(token, params);
      } else {
        const { percentage } = params;
        status.loads(percentage === undefined ? (params.message ?? '') : `${String(Math.round(percentage))} %`);
      }
    },
    workspace: {
      // The defaults must not be sent: the server has other sources, which they would win over.
      configuration: (params) =>
        params.items.map(({ scopeUri }) =>
          settings.set(scopeUri === undefined ? undefined : vscode.Uri.parse(scopeUri)),
        ),
      didChangeConfiguration: (_, next) => next(undefined),
    },
  };
}

/** The user asked and sees nothing: they get the reason in the status bar. */
async function sayWhy(client: LanguageClient): Promise<void> {
  const { silences } = await client.sendRequest(protocol.whyNoSuggestion);
  const [latest] = silences;
  if (latest) vscode.window.setStatusBarMessage(`Infill: ${latest.reason}`, 6000);
}

/** A server that ends is started again, unless it ends time after time. Nobody is interrupted by a message. */
class Ends implements ErrorHandler {
  private ends: number[] = [];

  constructor(private readonly status: Status) {}

  error(): ErrorHandlerResult {
    return { action: ErrorAction.Continue };
  }

  closed(): CloseHandlerResult {
    const now = Date.now();
    this.ends = [...this.ends.filter((at) => now - at < SHORT_TIME_MS), now];
    if (this.ends.length < MANY_ENDS) return { action: CloseAction.Restart, handled: true };
    this.status.lives('stopped', 'the server ended time after time; its log says more, and Restart Server tries again');
    return { action: CloseAction.DoNotRestart, handled: true };
  }
}
