import type { BoxStatus } from './state-store.js';

/** Allowed transitions, as BoxLite 0.10 has them (core state machine); staying in a state is always allowed. */
const ALLOWED: Readonly<Record<BoxStatus, readonly BoxStatus[]>> = {
  unknown: ['configured', 'running', 'stopping', 'stopped', 'paused', 'failed'],
  configured: ['running', 'stopped', 'failed', 'unknown'],
  running: ['stopping', 'stopped', 'paused', 'failed', 'unknown'],
  stopping: ['stopped', 'failed', 'unknown'],
  stopped: ['running', 'failed', 'unknown'],
  paused: ['running', 'stopped', 'unknown'],
  failed: ['running', 'stopped', 'unknown'],
};

/** True when a box may go from one status to the other. */
export function canTransition(from: BoxStatus, to: BoxStatus): boolean {
  return from === to || ALLOWED[from].includes(to);
}

export const canStart = (status: BoxStatus): boolean =>
  status === 'configured' || status === 'stopped' || status === 'failed';
export const canRemove = (status: BoxStatus): boolean =>
  status === 'configured' || status === 'stopped' || status === 'failed' || status === 'unknown';
export const isActive = (status: BoxStatus): boolean => status === 'running' || status === 'paused';
