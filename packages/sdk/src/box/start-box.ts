import { BoxliteError, type BoxRecord, type BoxStateRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { CleanupGuard } from '../init/cleanup-guard.js';
import { runPipeline, type StageListener, type StageTiming } from '../init/pipeline.js';
import { required, type StartContext } from '../init/start-context.js';
import { START_PLAN } from '../init/start-plan.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { ImageDiskOptions, PullOptions, RuntimeServices } from '../runtime/runtime-services.js';
import { applyNextDisk } from '../snapshot/apply-next-disk.js';
import type { ResumeFrom } from '../snapshot/resume-from.js';
import { RESUME_PLAN } from '../snapshot/resume-plan.js';
import { missingTemplates } from '../template/missing-templates.js';
import { failedStartError } from './failed-start-error.js';
import { killVm } from './kill-vm.js';
import type { LiveBox } from './live-box.js';

/** How a start is watched and ended early. */
export interface StartOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStage?: StageListener | undefined;
  readonly onImageProgress?: PullOptions['onProgress'];
  /** Told while the disk of an image is made for the first time. */
  readonly onDiskProgress?: ImageDiskOptions['onProgress'];
}

/** What a start has made. */
export interface StartedBox {
  readonly live: LiveBox;
  readonly timings: readonly StageTiming[];
}

/**
 * Runs the init pipeline for a box that is not running. The caller holds the box's lease.
 * On failure the VM is gone, the files are kept, and the record is `failed` with the reason.
 * @param resume the capture to go on from; default: the machine boots
 */
export async function startBox(
  services: RuntimeServices,
  given: BoxRecord,
  box: BoxLayout,
  options: StartOptions,
  resume?: ResumeFrom,
): Promise<StartedBox> {
  const { id } = given.config;
  const record = await applyNextDisk(services, given, box);
  const guard = new CleanupGuard({
    markFailed: (reason) => markFailed(services, record, reason),
    countFailure: () => {
      services.metrics.boxesFailed += 1;
    },
    log: (message, cause) => services.log({ level: 'warn', message, boxId: id, cause }),
  });
  const context: StartContext = {
    services,
    record,
    options: parseBoxOptions(record.config.options),
    box,
    guard,
    signal: options.signal,
    onImageProgress: options.onImageProgress,
    onDiskProgress: options.onDiskProgress,
    resume,
  };
  services.lookAhead?.(context.options);
  try {
    if (await killVm(services, box)) {
      services.log({ level: 'warn', message: 'ended a VM whose starter died before it was recorded', boxId: id });
    }
    const timings = await runPipeline(resume === undefined ? START_PLAN : RESUME_PLAN, context, {
      signal: options.signal,
      onStage: options.onStage,
    });
    const vm = required(context, 'vm');
    const live: LiveBox = { vm, agent: required(context, 'agent'), jail: required(context, 'jail') };
    await recordRunning(services, context, live);
    guard.disarm();
    for (const shape of missingTemplates(context)) services.startedCold(shape);
    return { live, timings };
  } catch (thrown) {
    const cause = options.signal?.aborted === true ? abortedStart(thrown, box, options.signal) : thrown;
    await guard.trip(cause);
    throw failedStartError(cause, box, context.options.autoRemove);
  }
}

async function recordRunning(services: RuntimeServices, context: StartContext, live: LiveBox): Promise<void> {
  const now = Date.now();
  const { source, digest, version } = required(context, 'kernel');
  const running = (state: BoxStateRecord): BoxStateRecord => {
    const { errorReason: _errorReason, exitCode: _exitCode, template: _template, templateKind: _kind, ...kept } = state;
    return {
      ...kept,
      status: 'running',
      vmm: live.vm.identity,
      vmmId: required(context, 'vmm').id,
      guestRootfs: required(context, 'guestRootfsPath'),
      jail: required(context, 'jail').record(),
      kernel: { source, digest, version },
      startedFrom: context.startedFrom ?? 'cold',
      ...(context.template === undefined ? {} : { template: context.template }),
      ...(context.templateKind === undefined ? {} : { templateKind: context.templateKind }),
      startedAt: now,
      updatedAt: now,
    };
  };
  // After a power cut nothing runs, so that nothing is lost with it.
  await services.store.boxes.update(context.record.config.id, running, { durable: false });
}

/** What a stage made of the abort does not matter: a signal may carry any reason. */
function abortedStart(thrown: unknown, box: BoxLayout, signal: AbortSignal): unknown {
  if (BoxliteError.isInstance(thrown) && thrown.code !== 'aborted') return thrown;
  return new BoxliteError('aborted', `starting box ${box.id} was aborted`, { cause: signal.reason ?? thrown });
}

/** A record that vanished meanwhile (removed by force) is tolerated. */
async function markFailed(services: RuntimeServices, record: BoxRecord, reason: string): Promise<void> {
  const current = await services.store.boxes.get(record.config.id);
  if (current === undefined) return;
  await services.store.boxes.update(record.config.id, (state) => ({
    ...state,
    status: 'failed',
    errorReason: reason,
    updatedAt: Date.now(),
  }));
}
