import { spawn } from 'node:child_process';
import type { ExitRecord, RunningVm, SupervisedVm, VmmHandler, VmmHost, VmmSpec } from '@boxlite/core';

/** Makes a mistake of a correct handler. */
export type Mutation = (right: VmmHandler) => VmmHandler;

export const GONE: ExitRecord = { kind: 'Clean', reason: 'shutdown' };
export const never = () => new Promise<never>(() => undefined);
/** What mutants leave behind on purpose. */
export const litter: (() => void)[] = [];

/** Changes every running machine, started or attached. */
export function running(change: (vm: RunningVm, supervised?: SupervisedVm) => Partial<RunningVm>): Mutation {
  return (right) => ({
    ...right,
    start: async (...given) => {
      const vm = await right.start(...given);
      return { ...vm, ...change(vm) };
    },
    attach: (supervised, listenerPath) => {
      const vm = right.attach(supervised, listenerPath);
      return { ...vm, ...change(vm, supervised) };
    },
  });
}

/** Changes what a start is given, or does. */
export function starting(
  change: (right: VmmHandler, spec: VmmSpec, host: VmmHost, signal?: AbortSignal) => Promise<RunningVm>,
): Mutation {
  return (right) => ({ ...right, start: (spec, host, signal) => change(right, spec, host, signal) });
}

/** Starts over another command. */
export const commanding = (change: (args: readonly string[]) => readonly string[]): Mutation =>
  starting((right, spec, host, signal) =>
    right.start(
      spec,
      {
        ...host,
        jail: { ...host.jail, command: (given) => host.jail.command({ ...given, args: change(given.args) }) },
      },
      signal,
    ),
  );

export const sleeper = () => {
  const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
  litter.push(() => child.kill('SIGKILL'));
};

/** As a connection whose kill does nothing: what a start that fails leaves running. */
export const unkillable = (vm: SupervisedVm): SupervisedVm => ({
  welcome: vm.welcome,
  channel: vm.channel,
  wait: async () => GONE,
  stop: async () => GONE,
  kill: async () => GONE,
  close: () => vm.close(),
  [Symbol.asyncDispose]: () => vm.close(),
});

export const LIFE = 'a whole life leaves no';
