"""How forms are drawn."""

from django.forms.renderers import TemplatesSetting


class FormRenderer(TemplatesSetting):
    """Draws every form, allauth's as well, with our components."""

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
