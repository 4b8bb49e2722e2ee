"""Settings -> engine, stores, queue, sandbox, app, worker: the one place that knows all sides."""
