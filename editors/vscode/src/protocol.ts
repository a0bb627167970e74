// The server's messages beside the standard ones, as docs/protocol.md describes them.

import { NotificationType, type Range, RequestType0 } from 'vscode-languageclient/node';

export type State = 'normal' | 'busy' | 'warning' | 'error' | 'inactive';

export interface News {
  readonly state: State;
  readonly reason: string | null;
  readonly uri?: string;
}

export interface DraftToken {
  readonly text: string;
  readonly state: 'accepted' | 'noise';
}

export interface Draft {
  readonly uri: string;
  readonly version: number;
  readonly range: Range;
  readonly tokens: readonly DraftToken[];
}

export interface Silence {
  readonly reason: string;
  readonly uri: string;
  readonly age_ms: number;
  readonly at: string;
  readonly num_times: number;
}

// What a code action's data says: the server does it when the action is resolved.
export interface Task {
  readonly uri: string;
  readonly version: number;
  readonly range: Range;
  readonly do: 'fill' | 'fill-function' | 'fill-file' | 'rewrite';
  readonly noise?: number;
  readonly instruction?: string;
  readonly keep?: readonly Range[];
}

export const status = new NotificationType<News>('infill/status');
export const draft = new NotificationType<Draft>('infill/draft');
export const whyNoSuggestion = new RequestType0<{ silences: Silence[] }, unknown>('infill/whyNoSuggestion');
export const didPartiallyAccept = new NotificationType<unknown>('textDocument/didPartiallyAcceptCompletion');
