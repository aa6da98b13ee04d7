<?php
// install.php WORDPRESS: makes the site and its users, and prints `name role password` of each, where the password is one
// for applications.
$site = getenv('SITE');
$database = mysqli_init();
$database->real_connect(null, 'root', '', null, 0, "$site/socket");
$database->query('CREATE DATABASE wordpress CHARACTER SET utf8mb4');
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = parse_url(getenv('SITE_URL'), PHP_URL_HOST);
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
// nobody gets mail
function wp_mail() { return true; }
wp_install('A site', 'admin', 'admin@site.example', true, '', wp_generate_password());
$GLOBALS['wp_rewrite']->set_permalink_structure('/%postname%/');
update_option('default_ping_status', 'closed');
foreach (['alice' => 'author', 'carol' => 'contributor', 'admin' => 'administrator'] as $name => $role) {
    $user = get_user_by('login', $name) ?: get_user_by('id', wp_insert_user([
        'user_login' => $name, 'user_pass' => wp_generate_password(), 'user_email' => "$name@site.example", 'role' => $role,
    ]));
    [$password] = WP_Application_Passwords::create_new_application_password($user->ID, ['name' => 'Crier']);
    echo "$name $role $password\n";
}
