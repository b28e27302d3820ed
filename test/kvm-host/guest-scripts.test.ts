import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hostScript, initramfsScript } from './guest-scripts.mjs';
import { jobScript, quoted } from './job-script.mjs';

const job = { command: 'true', checkout: '/work', user: { name: 'box', uid: 1000 } };
/** Runs the job script as the host's first process reads it, with the path of the command changed, then prints what it set. */
const evaluate = (script: string) =>
  execFileSync(
    'sh',
    ['-c', `${script.replace('> /run/kvm-host/command', '')}\nprintf '\\n%s|%s' "$CHECKOUT" "$JOB_PRIVILEGES"`],
    { encoding: 'utf8' },
  );

describe('the scripts of the nested host', () => {
  it.each([
    ['initramfs', initramfsScript()],
    ['host', hostScript()],
  ])('the %s script is well-formed shell', (_name, script) => {
    execFileSync('sh', ['-n'], { input: script });
    expect(script).not.toContain('undefined');
  });

  it('the host powers off by sysrq after the command and after a failure alike', () => {
    expect(hostScript()).toContain('power_off() { echo o > /proc/sysrq-trigger');
    expect(hostScript()).toMatch(/fail\(\) \{ .*power_off; \}/);
    expect(hostScript().trimEnd()).toMatch(/power_off$/);
  });
});

describe('the job that the host is given', () => {
  it('carries any command, variable and directory through the shell unchanged', () => {
    const nasty = `it's "$HOME" \`id\` \\ * \n#end`;
    const text = evaluate(
      jobScript({ ...job, checkout: "/a b/it's", command: `echo ${quoted(nasty)}`, env: { V: nasty } }),
    );
    expect(text).toContain(`export V=${quoted(nasty)}\n`);
    expect(text).toContain(`echo ${quoted(nasty)}\n`);
    expect(text).toContain(`|--reuid=1000 --regid=1000 --init-groups`);
    expect(text).toContain("\n/a b/it's|");
  });

  it('gives an ordinary user a home and a runtime directory of its own, and root its own home', () => {
    expect(evaluate(jobScript(job))).toContain("export XDG_RUNTIME_DIR='/run/user/1000'");
    expect(evaluate(jobScript(job))).toContain("export HOME='/home/box'");
    const asRoot = evaluate(jobScript({ ...job, user: { name: 'root', uid: 0 } }));
    expect(asRoot).toContain("export HOME='/root'");
    expect(asRoot).not.toContain('XDG_RUNTIME_DIR');
  });
});
