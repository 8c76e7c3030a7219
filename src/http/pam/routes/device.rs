//! Devices.

use actix_web::http::Method;

use super::row::Row;
use crate::http::pam::device::{self, DeviceForm, DevicePayload, DevicesPayload};
use crate::http::pam::envelope::{Nothing, enveloped};
use crate::http::pam::pagination;
use crate::http::schema::schema;
use crate::vault::operation::Action;

const DEVICES: &[&str] = &["/pam/device", "/pam/devices"];
const DEVICE: &[&str] = &["/pam/device/{key}", "/pam/devices/{key}"];

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(Method::GET, DEVICES, Action::DEVICE_LIST, device::list)
            .summary("List the devices that the client sees")
            .list(pagination::DEVICES)
            .ok("The active devices", enveloped::<DevicesPayload>),
        Row::new(Method::POST, DEVICES, Action::DEVICE_SAVE, device::save)
            .summary("Create a device, or update the one of that hostname")
            .body(schema::<DeviceForm>)
            .created("The device as it now is", enveloped::<DevicePayload>),
        Row::new(Method::GET, DEVICE, Action::DEVICE_READ, device::read)
            .summary("One device, by number or hostname")
            .ok("The device", enveloped::<DevicePayload>),
        Row::new(Method::DELETE, DEVICE, Action::DEVICE_DEACTIVATE, device::deactivate)
            .summary("Deactivate a device and all of its credentials")
            .ok("It is inactive", enveloped::<Nothing>),
        Row::new(Method::PUT, DEVICE, Action::DEVICE_ACTIVATE, device::activate)
            .summary("Activate a device; its credentials stay inactive")
            .ok("It is active", enveloped::<Nothing>),
    ]
}
