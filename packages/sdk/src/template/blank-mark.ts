/** In the directory of a machine that is nobody's box: who opens the home may end it when its maker is gone. */
export const BLANK_MARK = 'blank';
