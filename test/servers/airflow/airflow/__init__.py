"""As much of Airflow as runs the tasks of a DAG one after the other: the real one takes minutes to install."""
