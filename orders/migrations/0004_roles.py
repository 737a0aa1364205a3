from django.db import migrations

from products.roles import make_groups


class Migration(migrations.Migration):
    """The groups viewer, clerk, releaser, mapper and manager."""

    dependencies = [
        ("orders", "0003_hooks"),
        ("products", "0003_hooks"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
