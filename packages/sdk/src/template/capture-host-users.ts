import type { BoxRecord, BoxStateRecord, StateStore } from '@boxlite/core';

/**
 * The boxes of a home and one machine more, which has no record: its user of the host is chosen as a box's is, and remembered here. A box that is started
 * at the same moment and draws the same number of a hundred million does not see it; afterwards it does, by the running process.
 */
export function withUnrecorded({ boxes }: Pick<StateStore, 'boxes'>, record: BoxRecord): Pick<StateStore, 'boxes'> {
  let { state } = record;
  return {
    boxes: {
      ...boxes,
      list: async () => [...(await boxes.list()), { ...record, state }],
      update: async (id, change, options): Promise<BoxStateRecord> => {
        if (id !== record.config.id) return boxes.update(id, change, options);
        state = change(state);
        return state;
      },
    },
  };
}
