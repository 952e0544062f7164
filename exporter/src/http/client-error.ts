import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemErrorCode } from '../errors/lowtide-error.ts';
import { problem, problemType } from './problem.ts';

/** Codes of Node's HTTP server (nodejs.org/api/http.html#event-clienterror) for what never became a request. */
const answers: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};

/** Answers what the HTTP parser has refused, in the form every other refusal has, and hangs up. */
export function answerClientError(error: Error, socket: Duplex): void {
  const code = systemErrorCode(error) ?? '';
  // Where the handshake has failed there is no way to answer: what is written would wait for its end for ever.
  const hasNoTls = /^ERR_(TLS|SSL)_/.test(code);
  if (code === 'ECONNRESET' || hasNoTls || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = answers[code] ?? [400, 'This is no HTTP request.'];
  const body = `${JSON.stringify(problem(status, detail, { code: 'usage' }))}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${problemType}; charset=utf-8`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
