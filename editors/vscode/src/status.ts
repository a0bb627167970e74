// The item in the status bar: how the server is doing, for the file that is looked at.

import * as vscode from 'vscode';
import type { News } from './protocol';
import { isEnabled, SECTION } from './settings';

type Look = readonly [icon: string, sentence: string, isTrouble?: 'warning' | 'error'];

const NONE: News = { state: 'normal', reason: null };

export class Status implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;
  private readonly listeners: vscode.Disposable[];
  private news = NONE;
  private life: 'starting' | 'running' | 'stopped' = 'starting';
  private problem: string | undefined;
  private loading: string | undefined;
  private busySince: number | undefined;
  private lastMs: number | undefined;

  constructor() {
    this.item = vscode.window.createStatusBarItem('infill.status', vscode.StatusBarAlignment.Right, 100);
    this.item.name = 'Infill';
    this.item.command = 'infill.menu';
    this.draw();
    this.item.show();
    this.listeners = [
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.draw();
      }),
      vscode.workspace.onDidChangeConfiguration((event) => {
        // Why the file was left alone may hold no more; the next request tells.
        if (event.affectsConfiguration(SECTION) && this.news.state === 'inactive') this.news = NONE;
        this.draw();
      }),
    ];
  }

  /** Whether the server runs, and if not, why. */
  lives(life: 'starting' | 'running' | 'stopped', problem?: string): void {
    this.life = life;
    this.problem = problem;
    if (life !== 'running') {
      this.news = NONE;
      this.loading = this.busySince = undefined;
    }
    this.draw();
  }

  tell(news: News): void {
    const now = Date.now();
    if (news.state === 'busy') {
      this.busySince ??= now;
    } else {
      if (this.busySince !== undefined && news.state === 'normal') this.lastMs = now - this.busySince;
      this.busySince = undefined;
    }
    this.news = news;
    this.draw();
  }

  /** What is being done was cancelled: how long it took says nothing. */
  cancelled(): void {
    this.busySince = undefined;
  }

  /** How far the model is loaded; undefined when it is no longer being loaded. */
  loads(message: string | undefined): void {
    this.loading = message;
    this.draw();
  }

  /** What the item says, in a sentence. */
  get sentence(): string {
    return this.look()[1];
  }

  dispose(): void {
    this.item.dispose();
    for (const listener of this.listeners) listener.dispose();
  }

  private draw(): void {
    const [icon, sentence, trouble] = this.look();
    this.item.text = `${icon} Infill${this.figure()}`;
    this.item.tooltip = `Infill: ${sentence}`;
    this.item.accessibilityInformation = { label: `Infill: ${sentence}` };
    this.item.backgroundColor = trouble && new vscode.ThemeColor(`statusBarItem.${trouble}Background`);
  }

  private figure(): string {
    if (this.loading) return ` ${this.loading}`;
    const isReady = this.life === 'running' && this.news.state === 'normal' && this.lastMs !== undefined;
    return isReady ? ` ${String(this.lastMs)} ms` : '';
  }

  private look(): Look {
    if (this.life === 'stopped') return ['$(error)', this.problem ?? 'the server does not run', 'error'];
    if (this.life === 'starting') return ['$(loading~spin)', 'the server starts'];
    if (this.loading !== undefined) return ['$(loading~spin)', 'the model is being loaded'];
    const document = vscode.window.activeTextEditor?.document;
    const { state, reason, uri } = this.news;
    if (!isEnabled(document)) return ['$(circle-slash)', 'paused: switched off in the settings'];
    const isAboutOther = uri !== undefined && document !== undefined && uri !== document.uri.toString();
    if (state === 'error') return ['$(error)', reason ?? 'the engine cannot be used', 'error'];
    if (state === 'busy') return ['$(sync~spin)', 'a hole is being filled'];
    if (isAboutOther || state === 'normal') {
      const last = this.lastMs === undefined ? 'ready' : `ready, the last fill took ${String(this.lastMs)} ms`;
      return ['$(sparkle)', reason && !isAboutOther ? `${last}; nothing was suggested: ${reason}` : last];
    }
    if (state === 'inactive') return ['$(circle-slash)', `this file is left alone: ${reason ?? 'no reason given'}`];
    return ['$(warning)', reason ?? 'the last request could not be served', 'warning'];
  }
}
