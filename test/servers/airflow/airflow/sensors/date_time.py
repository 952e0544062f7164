from datetime import datetime

from airflow.decorators import Done, unwrap


class DateTimeSensorAsync(Done):
    """Reads the time as the real one does, and does not wait for it."""

    def __init__(self, task_id, target_time):
        at = unwrap(target_time)
        datetime.fromisoformat(at.replace("Z", "+00:00"))
        print(f"task {task_id} until {at}", flush=True)
        super().__init__(None)
