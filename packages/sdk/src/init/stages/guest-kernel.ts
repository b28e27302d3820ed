import { BoxliteError, type VmmHandler } from '@boxlite/core';
import { keptKernel } from '../../kernel/kept-kernel.js';
import { kernelFileOf } from '../../kernel/kernel-file-choice.js';
import type { ChosenKernel } from '../../kernel/kernel-service.js';
import { choosingFor } from '../../registry/plugin-origins.js';
import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';

/** The kernel file, from the home's cache after the first time. */
export const guestKernel: Stage<StartContext> = {
  name: 'guest-kernel',
  async run(context) {
    const vmm = required(context, 'vmm');
    context.kernel =
      vmm.kernelSource === undefined ? await boxKernel(context) : await kernelOfVmm(context, vmm.id, vmm.kernelSource);
  },
};

/** The box's choice, else that of the environment, else the best there is. A file that is gone is what it was at the last start. */
async function boxKernel(context: StartContext): Promise<ChosenKernel> {
  const { services, signal, record, options } = context;
  const path = kernelFileOf(options.kernel);
  const kept = path === undefined ? undefined : await keptKernel(services.layout, record.state.kernel, path);
  if (kept === undefined) return choosingFor(record, 'kernel-source', () => services.kernel(signal, options.kernel));
  services.log({
    level: 'warn',
    message: `its kernel ${path} does not exist any more, it boots the copy this home has`,
    boxId: record.config.id,
  });
  return kept;
}

/** A VMM that names its kernels boots no others. */
async function kernelOfVmm(context: StartContext, vmm: string, source: string): Promise<ChosenKernel> {
  const { services, signal, options, record } = context;
  if (options.kernel !== undefined && options.kernel !== source) {
    services.log({
      level: 'warn',
      message: `its option kernel is ${options.kernel}, but the vmm ${vmm} boots kernels of ${source} only`,
      boxId: record.config.id,
    });
  }
  try {
    return await services.kernel(signal, source);
  } catch (thrown) {
    const isUnknown = BoxliteError.isInstance(thrown, 'plugin_unknown') && thrown.details.id === source;
    throw isUnknown ? kernelSourceMissing(vmm, source, thrown) : thrown;
  }
}

function kernelSourceMissing(id: VmmHandler['id'], kernelSource: string, cause: BoxliteError): BoxliteError {
  return new BoxliteError(
    'plugin_unknown',
    `the vmm ${JSON.stringify(id)} boots kernels of the kernel source ${JSON.stringify(kernelSource)}, which is not loaded`,
    {
      hint: `load it too with --plugin PATH, in a program with loadPlugins(); ${cause.hint ?? ''}`,
      cause,
      details: { ...cause.details, vmm: id },
    },
  );
}
