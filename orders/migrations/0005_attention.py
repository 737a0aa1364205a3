from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes that the queue of what needs attention reads; the models say which reads what."""

    dependencies = [
        ('orders', '0004_roles'),
        ('products', '0002_pausing'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('body__isnull', False), ('outcome__in', ['quarantined', 'unmatched'])), fields=['received_at', 'id'], name='delivery_waits'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('status__in', ['held', 'problem', 'refused', 'unclear']), models.Q(('flag', ''), _negated=True), models.Q(('not_found__gte', 3), ('status__in', ['accepted', 'awaiting_payment', 'problem', 'processing'])), _connector='OR'), fields=['created_at', 'id'], name='order_waits'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('status', 'held')), fields=['hold_reason', 'created_at', 'id'], name='order_held'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('hold_until', None), _negated=True), fields=['hold_until'], name='order_holds_end'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('flag', ''), _negated=True), fields=['created_at', 'id'], name='order_flagged'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('not_found__gte', 3), ('status__in', ['accepted', 'awaiting_payment', 'problem', 'processing'])), fields=['created_at', 'id'], name='order_not_known'),
        ),
        migrations.AddIndex(
            model_name='orderevent',
            index=models.Index(condition=models.Q(('kind', 'order.reshipped')), fields=['order'], name='event_reshipped'),
        ),
    ]
