"""The Django project of the site: settings, routes, checks and the local services."""
