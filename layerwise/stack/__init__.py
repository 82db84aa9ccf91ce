"""The lab: engine, registry, base images, tools, JupyterLab; how they come up, and how they go without a trace."""
