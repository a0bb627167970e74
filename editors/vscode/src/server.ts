// The server's life: found, started, ended, started again.

import * as vscode from 'vscode';
import { type LanguageClient, State } from 'vscode-languageclient/node';
import { makeClient, type Parts } from './client';
import { locateServer } from './locate';

const LIVES = {
  [State.Starting]: 'starting',
  [State.Running]: 'running',
  [State.StartFailed]: 'stopped',
} as const;

export class Server implements vscode.Disposable {
  private current: LanguageClient | undefined;
  private told = false;
  private changing: Promise<void> = Promise.resolve();

  constructor(private readonly parts: Parts) {}

  /** The client of a server that runs. */
  get client(): LanguageClient | undefined {
    return this.current?.state === State.Running ? this.current : undefined;
  }

  start(): Promise<void> {
    return this.queued(() => this.startNow());
  }

  restart(): Promise<void> {
    this.told = false;
    return this.queued(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  stop(): Promise<void> {
    return this.queued(() => this.stopNow());
  }

  dispose(): void {
    void this.stop();
  }

  /** One start or stop at a time. */
  private queued(change: () => Promise<void>): Promise<void> {
    this.changing = this.changing.then(change, change);
    return this.changing;
  }

  private async startNow(): Promise<void> {
    const { log, status } = this.parts;
    status.lives('starting');
    const found = await locateServer();
    if (found.problem !== undefined) {
      status.lives('stopped', found.problem);
      this.tellHowToInstall(found.problem);
      return;
    }
    log.info(`the server is ${found.command}`);
    const client = makeClient(found.command, this.parts);
    client.onDidChangeState(({ newState }) => {
      if (this.current === client && newState !== State.Stopped) status.lives(LIVES[newState]);
    });
    this.current = client;
    try {
      await client.start();
      status.lives('running');
    } catch (error) {
      log.error(`the server does not start: ${String(error)}`);
      status.lives('stopped', 'the server does not start; its log says more');
    }
  }

  private async stopNow(): Promise<void> {
    const client = this.current;
    this.current = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      this.parts.log.info(`the server did not end in an orderly way: ${String(error)}`);
    }
  }

  /** Once, and not again until the user restarts the server: the status item says it all the time. */
  private tellHowToInstall(problem: string): void {
    if (this.told) return;
    this.told = true;
    const actions = { 'How to Install': 'infill.howToInstall', 'Choose Program': 'infill.choosePath' };
    const message = `Infill does nothing yet: ${problem}.`;
    void vscode.window.showWarningMessage(message, ...Object.keys(actions)).then((picked) => {
      if (picked !== undefined) return vscode.commands.executeCommand(actions[picked as keyof typeof actions]);
      return undefined;
    });
  }
}
