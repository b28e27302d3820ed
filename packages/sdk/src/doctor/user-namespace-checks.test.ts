import { describe, expect, it } from 'vitest';
import { apparmorCheck, userNamespaceCheck } from './user-namespace-checks.js';
import type { UserNamespaceFacts } from './user-namespace-facts.js';

const worked = { program: '/usr/bin/unshare', worked: true, said: '' };
const refused = { program: '/usr/bin/unshare', worked: false, said: 'unshare failed: Operation not permitted' };
const host: UserNamespaceFacts = {
  uid: 1000,
  maxUserNamespaces: 15_000,
  unprivilegedUsernsClone: undefined,
  apparmorRestriction: undefined,
  apparmorEnabled: false,
  apparmorProfile: undefined,
  attempt: worked,
};

describe('userNamespaceCheck', () => {
  it('believes what was tried rather than the settings', () => {
    expect(userNamespaceCheck(host)).toMatchObject({ status: 'ok', detail: '/usr/bin/unshare made one', facts: host });
    expect(userNamespaceCheck({ ...host, unprivilegedUsernsClone: 0, uid: 0 }).status).toBe('ok');
  });

  it.each<[string, Partial<UserNamespaceFacts>, RegExp, RegExp]>([
    ['max_user_namespaces of 0', { maxUserNamespaces: 0 }, /max_user_namespaces is 0/, /sysctl -w user\.max_user_/],
    [
      "Debian's switch",
      { unprivilegedUsernsClone: 0 },
      /unprivileged_userns_clone is 0/,
      /sysctl -w kernel\.unprivileged_userns_clone=1.*sysctl\.d/,
    ],
    ["Ubuntu's restriction", { apparmorRestriction: 1 }, /AppArmor/, /apparmor\.d\/boxlite-bwrap/],
    ['a system call filter', {}, /could not make one: unshare failed: Operation not permitted/, /seccomp=unconfined/],
  ])('names %s as the cause when none could be made', (_, facts, detail, remedy) => {
    expect(userNamespaceCheck({ ...host, attempt: refused, ...facts })).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(remedy),
    });
  });

  it('says so when there was nothing to try it with', () => {
    expect(userNamespaceCheck({ ...host, attempt: undefined })).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('not tried'),
      remedy: expect.stringContaining('util-linux'),
    });
  });
});

describe('apparmorCheck', () => {
  it('is ok where AppArmor is not, or restricts nothing, or nothing of ours', () => {
    expect(apparmorCheck(host)).toMatchObject({ status: 'ok', detail: 'not in use on this kernel' });
    expect(apparmorCheck({ ...host, apparmorEnabled: true })).toMatchObject({ status: 'ok' });
    expect(apparmorCheck({ ...host, apparmorEnabled: true, apparmorProfile: 'snap.node (enforce)' }).detail).toContain(
      'confined by snap.node (enforce)',
    );
    expect(apparmorCheck({ ...host, apparmorEnabled: true, apparmorRestriction: 1, uid: 0 }).status).toBe('ok');
    expect(apparmorCheck({ ...host, apparmorEnabled: true, apparmorRestriction: 1 })).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('but /usr/bin/unshare may'),
    });
  });

  it('names the restriction of ordinary users, and the profile that lifts it for bubblewrap', () => {
    const facts = { ...host, apparmorEnabled: true, apparmorRestriction: 1, attempt: refused };
    expect(apparmorCheck(facts)).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('kernel.apparmor_restrict_unprivileged_userns is 1'),
      remedy: expect.stringContaining('doctor --apparmor-profile | sudo tee /etc/apparmor.d/'),
      facts: { enabled: true, restriction: 1 },
    });
  });
});
