import { type Plugin, type PluginKind, type ProbeResult, SPECIFICATION_VERSIONS } from '@boxlite/core';

/** What is known of a plugin before its package is loaded. */
export interface LazyPluginOptions<Kind extends PluginKind, Implementation, Context> {
  readonly kind: Kind;
  readonly id: string;
  readonly priority?: number;
  readonly byNameOnly?: true;
  /** Imports the package; called by the first probe. */
  load(): Promise<{ probe(): Promise<ProbeResult>; create(context: Context): Implementation }>;
}

/** A plugin whose package is imported when it is probed: a registry of everything costs nothing until something is chosen. */
export function lazyPlugin<Kind extends PluginKind, Implementation, Context>(
  options: LazyPluginOptions<Kind, Implementation, Context>,
): Plugin<Kind, Implementation, Context> {
  let loaded: Awaited<ReturnType<typeof options.load>> | undefined;
  const load = async () => {
    loaded ??= await options.load();
    return loaded;
  };
  return {
    kind: options.kind,
    id: options.id,
    // The packages are of one release, so each knows the present contract.
    specificationVersion: SPECIFICATION_VERSIONS[options.kind],
    ...(options.priority === undefined ? {} : { priority: options.priority }),
    ...(options.byNameOnly === undefined ? {} : { byNameOnly: options.byNameOnly }),
    async probe() {
      return (await load()).probe();
    },
    async load() {
      await load();
    },
    create(context) {
      // The registry calls create only after a probe or load.
      if (loaded === undefined)
        throw new TypeError(`${options.kind} plugin "${options.id}" was created before it was loaded`);
      return loaded.create(context);
    },
  };
}
