import { BoxliteError, type VmmHandler } from '@boxlite/core';
import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';

/** The kernel file, from the home's cache after the first time. */
export const guestKernel: Stage<StartContext> = {
  name: 'guest-kernel',
  async run(context) {
    const vmm = required(context, 'vmm');
    try {
      context.kernel = await choosingFor(context.record, 'kernel-source', () => boxKernel(context, vmm.kernelSource));
    } catch (thrown) {
      throw isUnknown(thrown, vmm) ? kernelSourceMissing(vmm, thrown) : thrown;
    }
  },
};

function isUnknown(thrown: unknown, { kernelSource }: VmmHandler): thrown is BoxliteError {
  return BoxliteError.isInstance(thrown, 'plugin_unknown') && thrown.details.id === kernelSource;
}

function kernelSourceMissing({ id, kernelSource }: VmmHandler, cause: BoxliteError): BoxliteError {
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
