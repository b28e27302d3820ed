import { BoxliteError, type BoxRecord, type PluginRegistry } from '@boxlite/core';

/** Options of a box that name a plugin, by the plugin's kind. */
const OPTIONS = { vmm: 'vmm', sandbox: 'sandbox', 'kernel-source': 'kernel' } as const;
type Choice = keyof typeof OPTIONS;

/** By kind, the files of the plugins that a new box's options name; undefined when all of them are part of BoxLite. */
export function pluginOrigins(
  registry: PluginRegistry,
  options: { readonly [Option in (typeof OPTIONS)[Choice]]?: string | undefined },
): Readonly<Record<string, string>> | undefined {
  const kinds = Object.keys(OPTIONS) as readonly Choice[];
  const origins = kinds.flatMap((kind) => {
    const ids = options[OPTIONS[kind]]?.split('+') ?? [];
    const [origin] = ids.flatMap((id) => registry.origin(kind, id) ?? []);
    return origin === undefined ? [] : [[kind, origin] as const];
  });
  return origins.length === 0 ? undefined : Object.fromEntries(origins);
}

/**
 * Chooses a plugin for a box; when the one its options name is not here, says where it came from and how to give it.
 * @throws BoxliteError `plugin_unknown` and what else `choose` throws
 */
export async function choosingFor<Chosen>(
  { config }: BoxRecord,
  kind: Choice,
  choose: () => Promise<Chosen>,
): Promise<Chosen> {
  try {
    return await choose();
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'plugin_unknown') || thrown.details.kind !== kind) throw thrown;
    const { id } = thrown.details;
    const origin = config.pluginOrigins?.[kind];
    const from = origin === undefined ? '' : ` of ${origin}`;
    throw new BoxliteError(
      'plugin_unknown',
      `box ${config.id} needs the ${kind} plugin ${JSON.stringify(id)}${from}, which is not loaded`,
      {
        hint: `load it with --plugin ${origin ?? 'PATH'}, in a program with loadPlugins(); ${thrown.hint ?? ''}`,
        cause: thrown,
        details: {
          ...thrown.details,
          ...(origin === undefined ? {} : { origin }),
          field: OPTIONS[kind],
          boxId: config.id,
        },
      },
    );
  }
}

/**
 * Makes sure that the source a box's image was to come from is here, before anybody else's is asked: another one might take the reference for
 * something else.
 * @throws BoxliteError `plugin_unknown` saying where the source came from
 */
export function checkImageSource({ config }: BoxRecord, registry: PluginRegistry): void {
  const origin = config.pluginOrigins?.['image-source'];
  if (origin === undefined) return;
  const isLoaded = registry.list('image-source').some(({ id }) => registry.origin('image-source', id) === origin);
  if (isLoaded) return;
  const { image } = config.options;
  throw new BoxliteError(
    'plugin_unknown',
    `the image ${JSON.stringify(image)} of box ${config.id} is of the image-source plugin ${origin}, which is not loaded`,
    {
      hint: `load it with --plugin ${origin}, in a program with loadPlugins()`,
      details: { kind: 'image-source', origin, boxId: config.id, field: 'image' },
    },
  );
}
