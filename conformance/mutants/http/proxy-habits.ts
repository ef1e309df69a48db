/** What a proxy may do besides; nothing of it by default. */
export interface ProxyHabits {
  /** A pod that has not begun to answer by then costs its client a 504. */
  readonly firstByteMs?: number;
  /** A pod that fails several times is left out for so long. */
  readonly recoveryMs?: number;
}
