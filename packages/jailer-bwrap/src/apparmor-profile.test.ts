import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { apparmorProfile, apparmorProfileFor } from './apparmor-profile.js';

describe('the AppArmor profile of a bwrap', () => {
  it('lets it make user namespaces and takes nothing from it', () => {
    // apparmor_parser 4.1.0 accepts this text (-Q --skip-kernel-load); 3.0 does not know the rule.
    expect(
      apparmorProfile('/usr/bin/bwrap'),
    ).toBe(`# Lets bubblewrap make the user namespaces that BoxLite jails its virtual machines in.
# Ordinary users may not make any where kernel.apparmor_restrict_unprivileged_userns is 1.
# To go to /etc/apparmor.d/boxlite-bwrap; loaded by: sudo apparmor_parser -r /etc/apparmor.d/boxlite-bwrap

abi <abi/4.0>,
include <tunables/global>

profile boxlite-bwrap "/usr/bin/bwrap" flags=(unconfined) {
  userns,

  include if exists <local/boxlite-bwrap>
}
`);
  });

  it.each([
    'bwrap',
    '',
    '/',
    '/usr/bin/',
    '/opt/*/bwrap',
    '/opt/{a,b}/bwrap',
    '/opt/a b/bwrap',
    '/opt/"x"/bwrap',
    '/o\n}/b',
    '/@{HOME}/b',
  ])('is written for no path that would mean something else in it: %j', (path) => {
    expect(() => apparmorProfile(path)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'bwrapPath' } }),
    );
  });

  it('is for the program itself, where bwrap is a link', async () => {
    const work = await mkdtemp(join(tmpdir(), 'boxlite-apparmor-'));
    await symlink('/usr/bin/env', join(work, 'bwrap'));
    expect(await apparmorProfileFor(join(work, 'bwrap'))).toContain('"/usr/bin/env"');
    await rm(work, { recursive: true });
  });

  // Only root can make a file that is root's.
  it.skipIf(process.geteuid?.() !== 0)(
    'is refused for a program that somebody else than root can exchange',
    async () => {
      const work = await mkdtemp('/opt/boxlite-apparmor-');
      await chmod(work, 0o755);
      const program = join(work, 'in', 'bwrap');
      await mkdir(join(work, 'in'));
      await writeFile(program, '', { mode: 0o755 });
      expect(await apparmorProfileFor(program)).toContain(`"${program}"`);
      const refused = (path: string) =>
        expect.objectContaining({ code: 'config_error', details: { field: 'bwrapPath', path } });
      await chmod(program, 0o775);
      await expect(apparmorProfileFor(program)).rejects.toEqual(refused(program));
      await chmod(program, 0o755);
      await chown(work, 65534, 65534);
      await expect(apparmorProfileFor(program)).rejects.toEqual(refused(work));
      await rm(work, { recursive: true });
    },
  );
});
