// This project through its SDK. `settings.vmm` chooses the plugin; without it the SDK does. `settings.template`: each start is from a template, which the
// warm-up has left; else each is cold.
import { Boxlite } from '@boxlite/sdk';

export async function open({
  directory,
  registry,
  memoryMib,
  vmm,
  template = false,
  image = 'busybox:latest',
  cold = false,
}) {
  const boxlite = await Boxlite.open({
    homeDir: directory,
    templates: template,
    ...(registry === undefined ? {} : { registries: [{ host: registry, transport: 'http' }] }),
  });
  const execTrue = async (box) => {
    // The peers' exec gives a command no input either.
    const { exitCode } = await (await box.exec('true', [], { stdin: false })).wait();
    if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
  };
  let isWarm = false;
  const product = {
    about: {
      product: `ours, ${vmm ?? 'default VMM'}, ${template ? 'from a template' : 'cold'}`,
      node: process.version,
    },
    async start() {
      const begun = performance.now();
      const box = await boxlite.create({
        ...(registry === undefined ? {} : { image: `${registry}/${image}` }), // else the bundled one
        cpus: 1,
        memoryMib,
        ...(vmm === undefined ? {} : { vmm }),
      });
      const created = performance.now();
      const ends = {};
      await box.start({
        onStage: (name, timing) => {
          if (timing !== undefined) ends[name] = performance.now();
        },
      });
      const started = performance.now();
      await execTrue(box);
      const executed = performance.now();
      const isFromTemplate = box.startTimings.some(({ startedFrom }) => startedFrom === 'template');
      if (isFromTemplate !== (template && isWarm)) throw new Error('the box started from the wrong thing');
      const stages = {
        create: created - begun,
        ...Object.fromEntries(box.startTimings.map(({ name, durationMs }) => [name, durationMs])),
        'until hello': ends['guest-connect'] - begun,
        'record running': started - ends['guest-init'],
        'first exec': executed - started,
      };
      return { box, stages };
    },
    stages: ({ stages }) => stages,
    exec: ({ box }) => execTrue(box),
    stop: ({ box }) => box.stop(),
    remove: ({ box }) => boxlite.remove(box.id, { force: true }),
    close: () => boxlite.shutdown({ graceMs: 0 }),
  };
  if (cold) return product;
  const warmUp = await product.start();
  await product.stop(warmUp);
  await product.remove(warmUp);
  await boxlite.templates.idle();
  isWarm = true;
  return product;
}
