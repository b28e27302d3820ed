import { readFileSync } from 'node:fs';
import { builtPackage } from '../../lib/packages.mjs';

/** Ids of the VMMs below, as boxes ask for them. */
export const VMMS = {
  /** The probe where QEMU would be, in QEMU's whole view. */
  probe: 'jail-probe',
  /** The probe in a view of what it needs itself, next to nothing. */
  smallView: 'jail-probe-small',
  /** QEMU, until its monitor answers. */
  qemu: 'jail-qemu',
};

/** How a start that was only measured ends. */
export class Measured extends Error {}

/**
 * VMMs that start in the jail and through the supervisor which the product has made for QEMU, say how long each part took, and give up: nothing
 * boots. Times are those of `performance.now()`.
 * @param probe path of the program
 * @param options.calls tells how many system calls the probe is to time in the next start
 * @param options.measured is called once a start
 */
export async function timedVmms(probe, { calls, measured }) {
  const [{ qemuVmmPlugin }, { createKvmProbe }] = await Promise.all([
    builtPackage('vmm-qemu'),
    builtPackage('kvm-probe'),
  ]);
  const plugin = qemuVmmPlugin({ hardware: createKvmProbe() });
  const own = (id, change) => ({
    ...plugin,
    id,
    create(context) {
      const qemu = plugin.create(context);
      return { ...qemu, id, ...change(qemu) };
    },
  });
  const startProbe = (_spec, host) => timeProbe({ binary: probe, args: [String(calls())], env: {} }, host, measured);
  return [
    own(VMMS.probe, (qemu) => ({
      requirements: async (spec) => withPath(await qemu.requirements(spec), probe),
      start: startProbe,
    })),
    own(VMMS.smallView, (qemu) => ({
      requirements: async (spec) => ({ ...(await qemu.requirements(spec)), paths: [{ path: probe, writable: false }] }),
      command: (spec) => ({ ...qemu.command(spec), binary: probe, args: [] }),
      start: startProbe,
    })),
    own(VMMS.qemu, (qemu) => ({ start: (spec, host, signal) => timeQemu(qemu, spec, host, signal, measured) })),
  ];
}

async function timeProbe(command, host, measured) {
  const handed = performance.now();
  await host.jail.prepare();
  const prepared = performance.now();
  try {
    const confined = host.jail.command(command);
    const wrapped = performance.now();
    const vm = await host.supervisor.launch({ ...host.request, command: confined });
    await vm.wait();
    await vm.close();
    measured({ handed, prepared, wrapped, ...parseProbe(readFileSync(host.request.consoleFile, 'utf8')) });
  } finally {
    await host.jail.release();
  }
  throw new Measured();
}

async function timeQemu(qemu, spec, host, signal, measured) {
  const handed = performance.now();
  const vm = await qemu.start(spec, host, signal);
  measured({ handed, running: performance.now() });
  await vm.kill();
  await vm.close();
  throw new Measured();
}

function withPath(requirements, path) {
  return { ...requirements, paths: [...requirements.paths, { path, writable: false }] };
}

/** `running` by the clock of this process, everything else in nanoseconds. */
function parseProbe(text) {
  const lines = [...text.matchAll(/^(\w+) ([\d.]+)\s*$/gm)];
  const { running, ...calls } = Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)]));
  if (running === undefined) throw new Error(`the probe did not run; console: ${JSON.stringify(text.slice(0, 500))}`);
  // Both clocks are the machine's monotonic one; Node counts from its own start.
  const offset = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return { running: running / 1e6 - offset, ...calls };
}
