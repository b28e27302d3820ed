import { type Plugin, type PluginKind, SPECIFICATION_VERSIONS } from '../contracts/plugin.js';
import type { VmmHandlerV1 } from '../contracts/v1/vmm-handler-v1.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { adaptVmmHandlerV1 } from './adapters/adapt-vmm-handler-v1.js';

/** Makes an implementation of one version of a contract one of the next. */
interface VersionStep {
  readonly next: string;
  adapt(implementation: unknown): unknown;
}

/** By kind and version: the step to the version after it. A chain of steps ends at the present version. */
const STEPS: { readonly [Kind in PluginKind]?: Readonly<Record<string, VersionStep>> } = {
  vmm: { v1: { next: 'v2', adapt: (handler) => adaptVmmHandlerV1(handler as VmmHandlerV1) } },
};

/** Every version of a contract that a registry takes, the present one first. */
export function supportedVersions(kind: PluginKind): readonly string[] {
  return [SPECIFICATION_VERSIONS[kind], ...Object.keys(STEPS[kind] ?? {}).reverse()];
}

/**
 * A plugin of the present version of its contract: the plugin itself, or an older one behind adapters. The probe of an adapted plugin says so.
 * @throws BoxliteError `plugin_version` when no chain of adapters leads from the plugin's version to the present one
 */
export function adaptPlugin(plugin: Plugin): Plugin {
  const { kind, id } = plugin;
  const made: string = plugin.specificationVersion;
  const present = SPECIFICATION_VERSIONS[kind];
  const steps: VersionStep[] = [];
  for (let version = made; version !== present; ) {
    const step = Object.hasOwn(STEPS[kind] ?? {}, version) ? STEPS[kind]?.[version] : undefined;
    if (step === undefined) throw unknownVersion(plugin, made);
    steps.push(step);
    version = step.next;
  }
  if (steps.length === 0) return plugin;
  return {
    kind,
    id,
    specificationVersion: present,
    ...(plugin.priority === undefined ? {} : { priority: plugin.priority }),
    async probe() {
      const result = await plugin.probe();
      if (!result.available) return result;
      const note = `made for version ${made} of the contract, used through an adapter`;
      return { ...result, detail: result.detail === undefined ? note : `${result.detail}; ${note}` };
    },
    ...(plugin.load === undefined ? {} : { load: () => plugin.load?.() ?? Promise.resolve() }),
    create: (context) => steps.reduce((made, step) => step.adapt(made), plugin.create(context)),
  };
}

function unknownVersion({ kind, id }: Plugin, version: unknown): BoxliteError {
  const [present = '', ...older] = supportedVersions(kind);
  const adapted = older.length === 0 ? '' : `, and ${older.join(', ')} through an adapter`;
  return new BoxliteError(
    'plugin_version',
    `${kind} plugin "${id}" is made for version ${JSON.stringify(version)} of its contract; this @boxlite/core supports ${present}${adapted}`,
    {
      hint: isNewer(version, present)
        ? 'update @boxlite/core and the packages that use it, or install an older release of the plugin'
        : `update the plugin, or correct its specificationVersion to ${JSON.stringify(present)} if it implements that`,
      details: { kind, id, version, supported: [present, ...older], field: 'specificationVersion' },
    },
  );
}

function isNewer(version: unknown, present: string): boolean {
  const [made, ours] = [version, present].map((text) => /^v(\d{1,4})$/.exec(String(text))?.[1]);
  return made !== undefined && Number(made) > Number(ours);
}
