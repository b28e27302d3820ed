import { BoxliteError, escapeText } from '@boxlite/core';
import { fromBinary } from '@bufbuild/protobuf';
import { HelloSchema } from './gen/agent_pb.js';

/** The protocol generation this client speaks. */
export const PROTOCOL_GENERATION = 1;

/** What the agent says first. Texts come from the guest; they are escaped. Times in microseconds. */
export interface Hello {
  readonly generation: number;
  readonly agentVersion: string;
  /** Empty before an init: the machine has none yet. Then as `InitDone` says it. */
  readonly bootId: string;
  readonly kernelRelease: string;
  readonly architecture: string;
  /** From the start of the kernel's clock to the agent's first instruction. */
  readonly kernelBootUs: number;
  /** From there to this message. */
  readonly agentStartUs: number;
  /** Operations and abilities of this agent, by name. */
  readonly capabilities: readonly string[];
  /** An init has been done on this boot already. */
  readonly initialized: boolean;
  /** The container stands still: the machine continues from a capture, and waits for `renew` (or it is being captured). */
  readonly quiesced: boolean;
}

const MAX_CAPABILITIES = 256;

/**
 * Reads a HELLO frame and checks that both sides understand each other. An older agent does as long as it says so; a newer one as long as
 * it still serves this generation.
 * @throws BoxliteError `agent_protocol` when it does not, or when the payload is no Hello
 */
export function decodeHello(payload: Uint8Array): Hello {
  const wire = parse(payload);
  if (wire.generation === 0) {
    throw new BoxliteError('agent_protocol', 'the guest agent names no protocol generation', {
      hint: 'the guest rootfs was built with an incompatible agent: remove it so that it is made again',
    });
  }
  if (wire.oldestClient > PROTOCOL_GENERATION) {
    throw new BoxliteError(
      'agent_protocol',
      `the guest agent speaks protocol generation ${wire.generation} and serves clients from generation ${wire.oldestClient} on; this client has ${PROTOCOL_GENERATION}`,
      { hint: 'update boxlite, or remove the guest rootfs so that it is made again with the agent of this version' },
    );
  }
  return {
    generation: wire.generation,
    agentVersion: escapeText(wire.agentVersion, 64),
    bootId: escapeText(wire.bootId, 64),
    kernelRelease: escapeText(wire.kernelRelease, 128),
    architecture: escapeText(wire.architecture, 128),
    kernelBootUs: Number(wire.kernelBootUs),
    agentStartUs: Number(wire.agentStartUs),
    capabilities: wire.capabilities.slice(0, MAX_CAPABILITIES).map((name) => escapeText(name, 64)),
    initialized: wire.initialized,
    quiesced: wire.quiesced,
  };
}

function parse(payload: Uint8Array) {
  try {
    return fromBinary(HelloSchema, payload);
  } catch (thrown) {
    throw new BoxliteError('agent_protocol', 'the hello of the guest agent cannot be decoded', { cause: thrown });
  }
}
