/** An object is not, or no longer, the one that was meant. */
export class ObjectChanged extends Error {
  readonly reason: 'changed' | 'missing';

  constructor(reason: 'changed' | 'missing', message: string) {
    super(message);
    this.name = 'ObjectChanged';
    this.reason = reason;
  }
}
