import { describe, expect, it } from 'vitest';
import { seccompCheck } from './seccomp-check.js';

const ACTIONS = 'kill_process kill_thread trap errno user_notif trace log allow\n';

describe('seccompCheck', () => {
  it('is ok on a kernel with every action', () => {
    expect(seccompCheck({ actions: ACTIONS })).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('diagnose'),
    });
  });

  it('is ok without notification, which only names what was refused', () => {
    const { status, detail } = seccompCheck({ actions: ACTIONS.replace('user_notif ', '') });
    expect(status).toBe('ok');
    expect(detail).not.toContain('diagnose');
  });

  it.each([[undefined], ['kill_thread trap errno trace allow\n']])('has failed on a kernel with %j', (actions) => {
    expect(seccompCheck({ actions })).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('kill_process'),
      remedy: expect.stringContaining('CONFIG_SECCOMP_FILTER'),
    });
  });
});
