import type { decisions as english } from '../english/decisions.ts';

export const decisions = {
  'overview.verdict.nothing': 'No se respalda nada: no hay programaciones.',
  'overview.verdict.safe_one': 'La única programación tiene una copia reciente.',
  'overview.verdict.safe_other': 'Las {{count}} programaciones tienen una copia reciente.',
  'overview.verdict.attention_one': 'Las copias son recientes, pero un asunto requiere atención.',
  'overview.verdict.attention_other': 'Las copias son recientes, pero {{count}} asuntos requieren atención.',
  'overview.verdict.atRisk_one': 'Una programación de {{total}} no tiene una copia reciente: {{schedules}}.',
  'overview.verdict.atRisk_other':
    '{{count}} programaciones de {{total}} no tienen una copia reciente: {{schedules}}.',
  'overview.verdict.broken_one': 'Las copias son recientes, pero un fallo pone en peligro las próximas.',
  'overview.verdict.broken_other':
    'Las copias son recientes, pero {{count}} fallos ponen en peligro las próximas.',

  'overview.check.failing': '{{check}}: {{message}}',
  'overview.host.silent':
    '{{host}} está en silencio: dio su última señal {{since}}, y no se sabe si se hacen sus copias.',
  'overview.key.none': 'No hay ninguna clave activa: no se puede cifrar nada.',
  'overview.key.old': 'La clave {{key}} tiene {{age}}; la política es {{policy}}.',
  'overview.key.retiring_one': 'Una copia necesita todavía la clave {{key}}, que se está retirando.',
  'overview.key.retiring_other':
    '{{count}} copias necesitan todavía la clave {{key}}, que se está retirando.',
  'overview.schedule.never': '{{schedule}} nunca ha hecho una copia.',
  'overview.schedule.neverFailed': '{{schedule}} nunca ha hecho una copia: {{message}}',
  'overview.schedule.overdue': '{{schedule}} lleva {{late}} de retraso; su última copia es de {{last}}.',
  'overview.schedule.overdueFailed':
    '{{schedule}} lleva {{late}} de retraso; su última copia es de {{last}}: {{message}}',
  'overview.schedule.waiting': '{{schedule}} debería haber empezado {{since}} como muy tarde.',
  'overview.schedule.failed': 'La última ejecución de {{schedule}} falló: {{message}}',
  'overview.schedule.interrupted': 'La última ejecución de {{schedule}} se interrumpió.',
  'overview.schedule.cancelled': 'La última ejecución de {{schedule}} se canceló.',
  'overview.schedule.slow': '{{schedule}} lleva {{duration}} en marcha; suele tardar {{usual}}.',
  'overview.schedule.warned': 'La última copia de {{schedule}} vino con un aviso: {{message}}',
  'overview.schedule.paused': '{{schedule}} está en pausa.',

  'rotation.no.unreachable': 'El exportador no responde.',
  'rotation.no.grafanaRole': 'Tu rol en Grafana es {{role}}; esto requiere Editor.',
  'rotation.no.token': 'El token que usa Grafana tiene el rol {{role}}, que no puede rotar claves.',
  'rotation.no.user': 'El exportador no te permite rotar claves.',
  'rotation.no.another': 'Hay otra rotación en marcha desde {{since}}.',
  'rotation.no.waiting': 'Espera la respuesta del exportador.',
  'rotation.no.phrase': 'Escribe {{phrase}} para confirmar.',
  'rotation.no.notRunning': 'No hay ninguna rotación en marcha.',
  'rotation.no.cancelling': 'Ya se está cancelando.',
  'rotation.no.complete': 'Está completa: no hay nada que reanudar.',
  'rotation.no.plan': 'Mira primero qué haría.',

  'rotation.outcome.completed': 'Las claves se han rotado.',
  'rotation.outcome.partly_one': 'Las claves se han rotado, pero no se pudo cambiar una copia.',
  'rotation.outcome.partly_other': 'Las claves se han rotado, pero no se pudieron cambiar {{count}} copias.',
  'rotation.outcome.failed': 'La rotación falló: {{message}}',
  'rotation.outcome.cancelled': 'La rotación se canceló. Lo hecho, hecho queda.',
  'rotation.outcome.interrupted': 'La rotación se interrumpió. Se puede reanudar donde se detuvo.',
} as const satisfies Record<keyof typeof english, string>;
