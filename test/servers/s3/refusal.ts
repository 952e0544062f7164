/** What S3 answers when it says no: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly more: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string = code, more: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}
