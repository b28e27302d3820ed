import { describe, expect, it } from 'vitest';
import { DEBIAN_PACKAGES, ensureDebianPackages, installCommands, isKnownDebianPackage } from './debian-packages.mjs';

function ensure(isRoot: boolean, missing: Map<string, string>) {
  const lines: string[] = [];
  const done = ensureDebianPackages(['run'], { say: (line) => lines.push(line), isRoot, missing });
  return { done, lines };
}

describe('the set-up', () => {
  it('says nothing and does nothing when every package is there', () => {
    expect(ensure(false, new Map())).toEqual({ done: true, lines: [] });
  });

  it('prints an ordinary user the exact commands, and installs nothing', () => {
    const { done, lines } = ensure(false, new Map([['bubblewrap', 'the jail']]));
    expect(done).toBe(false);
    expect(lines.join('\n')).toContain('bubblewrap');
    expect(lines.slice(-2)).toEqual([
      '  sudo apt-get update -q',
      '  sudo apt-get install -y -q --no-install-recommends -o APT::Cmd::Pattern-Only=true bubblewrap',
    ]);
  });

  it('gives root the same commands', () => {
    expect(installCommands(['a', 'b'])).toEqual([
      ['apt-get', 'update', '-q'],
      ['apt-get', 'install', '-y', '-q', '--no-install-recommends', '-o', 'APT::Cmd::Pattern-Only=true', 'a', 'b'],
    ]);
  });

  it('knows which packages there are to install, by their whole names', () => {
    const known = (...names: string[]) => isKnownDebianPackage('linux-source-6.1', () => `${names.join('\n')}\n`);
    expect(known('linux-source-6.12', 'linux-source-6.1')).toBe(true);
    expect(known('linux-source-6.12')).toBe(false);
    expect(known()).toBe(false);
  });

  it('has a reason for each package', () => {
    for (const group of Object.values(DEBIAN_PACKAGES)) {
      for (const [name, why] of Object.entries(group)) expect(why, name).not.toBe('');
    }
  });
});
